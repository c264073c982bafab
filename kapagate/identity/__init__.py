"""Who asks: tokens, API keys, pseudonyms. Pure: bytes and the time go in, a verdict comes out."""
