import { hash } from 'node:crypto';

export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

export function sha512Hex(bytes: Uint8Array | string): string {
  return hash('sha512', bytes, 'hex');
}
