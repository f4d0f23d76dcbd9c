import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { sameSecret } from "./same-secret.ts";

/** What the master key protects. Each purpose has a key of its own (HKDF-SHA256, RFC 5869). */
type Purpose =
  | "webhook_secrets"
  | "webhook_headers"
  | "channel_credentials"
  | "idempotent_answers"
  | "cursors"
  | "visitor_tokens"
  | "session_cookies";

/** Where a ciphertext belongs. It opens nowhere else. */
interface Place {
  workspace_id: string;
  column: string;
}

export interface Vault {
  seal(purpose: Purpose, place: Place, plaintext: string): string;
  open(purpose: Purpose, place: Place, sealed: string): string;
  /** HMAC-SHA256 cut to 128 bits, base64url. */
  sign(purpose: Purpose, text: string): string;
  /** Whether any live master key gives this signature. How long that takes tells nobody how much of it is right. */
  isSignature(given: string, purpose: Purpose, text: string): boolean;
  /** The keys themselves, the newest first: for what is signed by other code than ours. */
  secrets(purpose: Purpose): string[];
}

interface MasterKey {
  id: string;
  key_for(purpose: Purpose): Buffer;
}

/**
 * Encrypts with AES-256-GCM under the first of the master keys and opens what any of them sealed, so that
 * a master key is rotated by putting the new one in front. Form: `v1.<key id>.<nonce>.<ciphertext and tag>`.
 */
export function createVault(master_keys: string[]): Vault {
  const keys = master_keys.map(masterKey);
  const [newest] = keys;
  if (!newest) throw new TypeError("at least one master key is needed");

  return {
    seal(purpose, place, plaintext) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", newest.key_for(purpose), nonce).setAAD(boundTo(purpose, place));
      const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `v1.${newest.id}.${nonce.toString("base64url")}.${sealed.toString("base64url")}`;
    },
    open(purpose, place, sealed) {
      const [version, key_id, nonce = "", body = ""] = sealed.split(".");
      const key = keys.find((candidate) => candidate.id === key_id);
      if (version !== "v1" || !key) throw new Error("sealed under a master key that is not configured");
      const bytes = Buffer.from(body, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key.key_for(purpose), Buffer.from(nonce, "base64url"), { authTagLength: 16 })
        .setAAD(boundTo(purpose, place))
        .setAuthTag(bytes.subarray(-16));
      return decipher.update(bytes.subarray(0, -16), undefined, "utf8") + decipher.final("utf8");
    },
    sign: (purpose, text) => signature(newest.key_for(purpose), text),
    isSignature: (given, purpose, text) => keys.some((key) => sameSecret(given, signature(key.key_for(purpose), text))),
    secrets: (purpose) => keys.map((key) => key.key_for(purpose).toString("base64url")),
  };
}

function masterKey(secret: string): MasterKey {
  const made = new Map<Purpose, Buffer>();
  return {
    id: createHash("sha256").update(`wassla master key\n${secret}`).digest("hex").slice(0, 8),
    key_for(purpose) {
      let key = made.get(purpose);
      if (!key) made.set(purpose, (key = Buffer.from(hkdfSync("sha256", secret, "", `wassla/${purpose}`, 32))));
      return key;
    },
  };
}

const boundTo = (purpose: Purpose, place: Place): Buffer => Buffer.from(`${purpose}\n${place.workspace_id}\n${place.column}`);

const signature = (key: Buffer, text: string): string =>
  createHmac("sha256", key).update(text).digest().subarray(0, 16).toString("base64url");
