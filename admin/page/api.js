// Asks the nameserver. The token, if it wants one, stays in this tab.

const key = 'meridian-token';

export const token = {
  get: () => sessionStorage.getItem(key) || '',
  set: (t) => (t ? sessionStorage.setItem(key, t) : sessionStorage.removeItem(key)),
};

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// raw asks for a path and gives the response.
async function raw(path, patience) {
  const headers = token.get() ? {Authorization: `Bearer ${token.get()}`} : {};
  const response = await fetch(path, {
    headers, credentials: 'omit', cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(patience),
  });
  if (response.ok) return response;
  let why = response.statusText;
  try {
    why = (await response.json()).error || why;
  } catch { /* not from the nameserver itself */ }
  throw new Refused(response.status, why);
}

export const json = async (path, patience = 15000) => (await raw(path, patience)).json();
export const text = async (path, patience = 15000) => (await raw(path, patience)).text();
