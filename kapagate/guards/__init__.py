"""What must not pass in a text: detectors of personal data and secrets, and the text rule that runs them."""
