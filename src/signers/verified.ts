import { SignerError } from '../errors.ts';
import { verifySignature } from '../tuf/keys.ts';
import type { SignatureRequest, Signer } from './port.ts';

/**
 * A signer whose every signature has been verified with its trusted key before anybody sees it. Tokens, drivers and
 * services do return signatures by another key, with another salt or over another digest.
 */
export function verified(signer: Signer): Signer {
  const { keyid, key, uri } = signer;
  let closed = false;

  async function sign(request: SignatureRequest): Promise<string> {
    if (closed) throw refusal(request, 'signer.closed', `key ${short(keyid)} was closed before this signature`);
    if (request.payload.length === 0) throw refusal(request, 'signer.empty', 'there are no bytes to sign');
    const signature = await signer.sign(request);
    const verify = request.verify ?? verifySignature;
    if (verify(key, request.payload, signature)) return signature;
    throw refusal(
      request,
      'signer.invalid-signature',
      `signer produced a signature that key ${short(keyid)} rejects`,
      `nothing was written; see which key is behind ${uri}: \`tufa key list\``,
    );
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await signer.close();
  }

  return { keyid, key, uri, sign, close };
}

const short = (keyid: string): string => `${keyid.slice(0, 12)}…`;

function refusal({ subject }: SignatureRequest, code: string, what: string, hint?: string): SignerError {
  return new SignerError(what, { object: subject, code, ...(hint === undefined ? {} : { hint }) });
}
