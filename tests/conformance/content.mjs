// SPDX-License-Identifier: Apache-2.0
// What the protocol's conformance suite expects of the server behind what it tests, whatever SDK that stands on.
import { setTimeout as pause } from "node:timers/promises";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
export const text = (said) => ({ type: "text", text: said });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const embedded = (uri, said) => ({ type: "resource", resource: { uri, mimeType: "text/plain", text: said } });
export const object = (properties = {}, required = []) => ({ type: "object", properties, required });
export const string = { type: "string" };
export const user = (content) => ({ role: "user", content });

const defaults = object({
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
});
const titled = (words, ordinal) => words.map((word, i) => ({ const: word, title: `${["First", "Second", "Third"][i]} ${ordinal}` }));
const enums = object({
  untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
  titledSingle: { type: "string", oneOf: titled(["value1", "value2", "value3"], "Option") },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
  untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
  titledMulti: { type: "array", items: { anyOf: titled(["value1", "value2", "value3"], "Choice") } },
});
const schema2020 = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: { $anchor: "addressDef", type: "object", properties: { street: string, city: string } },
  },
  properties: { name: string, address: { $ref: "#/$defs/address" }, contactMethod: { type: "string", enum: ["phone", "email"] }, phone: string, email: string },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

// name -> [what it does, its input schema, handler(arguments, call) -> content or a whole result]
const asked = async (call, message, requestedSchema) => {
  const answer = await call.ask("elicitation/create", { message, requestedSchema });
  return `action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;
};
export const tools = {
  test_simple_text: ["Says something.", object(), () => [text("This is a simple text response for testing.")]],
  test_image_content: ["Shows an image.", object(), () => [image]],
  test_audio_content: ["Plays a sound.", object(), () => [{ type: "audio", data: WAV, mimeType: "audio/wav" }]],
  test_embedded_resource: ["Embeds a resource.", object(), () => [embedded("test://embedded-resource", "This is an embedded resource content.")]],
  test_multiple_content_types: ["Says, shows and embeds.", object(), () => [
    text("Multiple content types test:"), image,
    { type: "resource", resource: { uri: "test://mixed-content-resource", mimeType: "application/json", text: '{"test":"data","value":123}' } },
  ]],
  test_tool_with_logging: ["Logs while it works.", object(), async (_, call) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await call.tell("notifications/message", { level: "info", data });
      await pause(50);
    }
    return [text("Tool with logging executed successfully")];
  }],
  test_tool_with_progress: ["Tells its progress.", object(), async (_, call) => {
    const progressToken = call.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) await call.tell("notifications/progress", { progressToken, progress, total: 100 });
      await pause(50);
    }
    return [text("Tool with progress executed successfully")];
  }],
  test_error_handling: ["Always fails.", object(), () => ({ isError: true, content: [text("This tool intentionally returns an error for testing")] })],
  test_sampling: ["Asks the client's model.", object({ prompt: string }, ["prompt"]), async ({ prompt }, call) => {
    const answer = await call.ask("sampling/createMessage", { messages: [user(text(prompt))], maxTokens: 100 });
    return [text(`LLM response: ${answer.content.text ?? ""}`)];
  }],
  test_elicitation: ["Asks the user.", object({ message: string }, ["message"]), async ({ message }, call) =>
    [text(`User response: ${await asked(call, message, object({ username: { type: "string", description: "User's response" }, email: { type: "string", description: "User's email address" } }, ["username", "email"]))}`)]],
  test_elicitation_sep1034_defaults: ["Asks the user, with defaults.", object(), async (_, call) => [text(`Elicitation completed: ${await asked(call, "Please review and update the form fields with defaults", defaults)}`)]],
  test_elicitation_sep1330_enums: ["Asks the user to choose.", object(), async (_, call) => [text(`Elicitation completed: ${await asked(call, "Please select options from the enum fields", enums)}`)]],
  test_reconnection: ["Closes its stream while it works.", object(), async (_, call) => {
    await pause(100);
    call.closeStream?.();
    await pause(100);
    return [text("Reconnection test completed successfully.")];
  }],
  json_schema_2020_12_tool: ["Tool with JSON Schema 2020-12 features", schema2020, () => [text("taken")]],
};

export const resources = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content of the static text resource." },
  "test://static-binary": { mimeType: "image/png", blob: PNG },
  "test://watched-resource": { mimeType: "text/plain", text: "Watched resource content" },
};
const argument = (name) => ({ name, description: `the ${name}`, required: true });
export const prompts = {
  test_simple_prompt: [[], () => [user(text("This is a simple prompt for testing."))]],
  test_prompt_with_arguments: [[argument("arg1"), argument("arg2")], (given) => [user(text(`Prompt with arguments: arg1='${given.arg1}', arg2='${given.arg2}'`))]],
  test_prompt_with_embedded_resource: [[argument("resourceUri")], (given) => [
    user(embedded(given.resourceUri, "Embedded resource content for testing.")), user(text("Please process the embedded resource above."))]],
  test_prompt_with_image: [[], () => [user(image), user(text("Please analyze the image above."))]],
};

const known = (name, [description, inputSchema]) => ({ name, description, inputSchema });
export const lists = {
  tools: (more = {}) => Object.entries({ ...tools, ...more }).map(([name, tool]) => known(name, tool)),
  resources: () => Object.entries(resources).map(([uri, { mimeType }]) => ({ uri, name: uri.slice(7), description: `the resource ${uri}`, mimeType })),
  templates: () => [{ uriTemplate: "test://template/{id}/data", name: "template", description: "data of an id", mimeType: "application/json" }],
  prompts: (more = {}) => Object.entries({ ...prompts, ...more }).map(([name, [args]]) => ({ name, description: `the prompt ${name}`, arguments: args })),
};
// The contents of a resource; undefined: there is none.
export const contents = (uri) => {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id) return { contents: [{ uri, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] };
  return resources[uri] && { contents: [{ uri, ...resources[uri] }] };
};
export const completion = (value) => {
  const values = ["test", "paris", "park", "party"].filter((word) => word.startsWith(value));
  return { completion: { values, total: values.length, hasMore: false } };
};
