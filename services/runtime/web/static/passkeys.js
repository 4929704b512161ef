// Makes and uses passkeys: a form with data-passkey="make" or "use" asks its action's `/options`, lets the browser
// sign, and sends the answer with the form's other fields. Without this file passkeys cannot be used; passwords can.
const fromText = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function ask(address, csrf, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF": csrf },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

function readable(options) {
  const known = options.excludeCredentials || options.allowCredentials || [];
  const made = { ...options, challenge: fromText(options.challenge) };
  if (options.user) made.user = { ...options.user, id: fromText(options.user.id) };
  const list = known.map((one) => ({ ...one, id: fromText(one.id) }));
  if (options.excludeCredentials) made.excludeCredentials = list;
  if (options.allowCredentials) made.allowCredentials = list;
  return made;
}

function sendable(credential) {
  const response = { clientDataJSON: toText(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

async function run(form) {
  const fields = Object.fromEntries(new FormData(form));
  const { csrf, ...others } = fields;
  const publicKey = readable(await ask(`${form.action}/options`, csrf, others));
  const asked = form.dataset.passkey === "make"
    ? navigator.credentials.create({ publicKey })
    : navigator.credentials.get({ publicKey });
  const credential = await asked.catch(() => null);
  if (!credential) throw new Error(form.dataset.failed);
  const done = await ask(form.action, csrf, { ...others, credential: sendable(credential) });
  window.location.assign(done.next);
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const note = form.querySelector("[data-passkey-error]");
      note.hidden = true;
      run(form).catch((error) => {
        note.querySelector("span:last-child").textContent = error.message || form.dataset.failed;
        note.hidden = false;
      });
    });
  }
}
