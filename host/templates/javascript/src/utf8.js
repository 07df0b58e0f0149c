// Texts as bytes and back: QuickJS has no TextEncoder.

export function encode(text) {
  const bytes = encodeURIComponent(text).match(/%..|./g) ?? [];
  return Uint8Array.from(bytes, (one) => (one.length === 1 ? one.charCodeAt(0) : parseInt(one.slice(1), 16)));
}

export function decode(bytes) {
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}
