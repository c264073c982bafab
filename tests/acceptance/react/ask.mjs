// Uses Kapa's own service as a page does. Arguments: base URL, integration, question. Prints one JSON value.
import { DefaultKapaApiService, processStream } from "@kapaai/react-sdk";

const [url, integrationId, query] = process.argv.slice(2);
const captcha = { key: "X-RECAPTCHA-ENTERPRISE-TOKEN", token: "solved-in-a-browser" };
const userIdentifiers = { email: "visitor@acme.example", fingerprint_id: "fingerprint", kapa_web_id: "device" };
const service = new DefaultKapaApiService(processStream, url);

async function chat(threadId, asked) {
  const told = { text: "", sources: [], activities: [], errors: [] };
  await service.submitQuery(
    {
      query: asked,
      threadId,
      captcha,
      integrationId,
      userIdentifiers,
      userMetadata: { first_name: "Vera" },
      originUrl: "https://docs.example/start?token=secret",
      mode: "deep_thinking",
    },
    {
      onPartialAnswer: (text) => (told.text += text),
      onRelevantSources: (sources) => told.sources.push(...sources),
      onMetadata: (metadata) => (told.uncertain = metadata.is_uncertain),
      onAgentActivityUpdate: (activity) => told.activities.push(activity),
      onStreamStart: (thread) => (told.started = thread),
      onIdentifiers: (thread, answer) => Object.assign(told, { thread, answer }),
      onError: (error) => told.errors.push(String(error)),
    },
  );
  return told;
}

async function tried(call) {
  try {
    await call();
    return "done";
  } catch (error) {
    return String(error.message);
  }
}

const first = await chat(null, query);
const second = first.thread ? await chat(first.thread, "And then?") : null;
const about = { captcha, integrationId, questionAnswerId: first.answer, questionAnswer: first.answer, userIdentifiers };
const feedback = await tried(() =>
  service.addFeedback({ ...about, reaction: "downvote", comment: { issue: "ask visitor@acme.example", incorrect: true } }),
);
const leaving = await tried(() => service.upsertExitFeedback({ ...about, comment: "bye" }));
const handoff = await tried(() =>
  service.submitHandoff({ ...about, threadId: first.thread, recipientEmail: "d@acme.example", userEmail: "v@acme.example" }),
);
console.log(JSON.stringify({ first, second, feedback, leaving, handoff }));
