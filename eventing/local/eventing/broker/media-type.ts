const token = /[!#$%&'*+.^`|~\w-]+/.source;
const parameter = new RegExp(`\\s*;\\s*(${token})\\s*=\\s*(${token}|"(?:[^"\\\\\\r\\n]|\\\\.)*")`, 'y');
const form = new RegExp(`^${token}(/${token})?\\s*(;|$)`);

/** Whether Go's `mime.ParseMediaType` reads a text as a media type with parameters: the subtype may be missing. */
export function isMediaType(text: string): boolean {
  if (!form.test(text)) return false;
  const parameters = new Map<string, string>();
  const start = text.indexOf(';');
  if (start < 0) return true;
  parameter.lastIndex = start;
  let end = start;
  for (let found = parameter.exec(text); found; found = parameter.exec(text)) {
    const [, name = '', value = ''] = found;
    const earlier = parameters.get(name.toLowerCase());
    if (earlier !== undefined && earlier !== value) return false;
    parameters.set(name.toLowerCase(), value);
    end = parameter.lastIndex;
  }
  return /^\s*(?:;\s*)?$/.test(text.slice(end));
}
