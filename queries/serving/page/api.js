// What the server answers, or an Error with its one-line message.

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(found.error || `The server answered ${response.status}.`);
  return found;
}

const query = (values) => new URLSearchParams(values).toString();

export const about = () => ask("about");
export const search = (q, type) => ask(`search?${query({ q, ...(type && { type }) })}`);
export const history = (user) => ask(`history?${query({ user })}`);
export const recommend = (who, domain, k) => ask("recommend", { ...who, domain, k });
export const similar = (what, domain, k) => ask("similar", { ...what, domain, k });
export const explain = (who, item) => ask("explain", { ...who, item });
