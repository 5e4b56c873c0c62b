import type { OpenOptions } from '../port.ts';
import { ServiceFailure } from './failure.ts';
import { type Answer, ask, at, refused, textAt } from './http.ts';
import { AccessToken } from './token.ts';
import { endpointUrl } from './uri.ts';

/** @param domain of the vault: `vault.azure.net`; a token is good for one of them */
export function azureToken({ env = {} }: OpenOptions, domain: string): AccessToken {
  const [tenant, id, secret] = [env['AZURE_TENANT_ID'], env['AZURE_CLIENT_ID'], env['AZURE_CLIENT_SECRET']];
  if (tenant && id && secret) {
    const authority = endpointUrl(
      env['AZURE_AUTHORITY_HOST'] || 'https://login.microsoftonline.com',
      'AZURE_AUTHORITY_HOST',
    );
    const url = `${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
    const scope = `https://${domain}/.default`;
    const form = { client_id: id, scope, client_secret: secret, grant_type: 'client_credentials' };
    return new AccessToken(async (signal) => accessToken(await ask({ method: 'POST', url, form }, signal)));
  }
  return new AccessToken((signal) => ofMachine(env, `https://${domain}`, signal));
}

/** The managed identity, from the metadata service that each machine of Azure has at the same address. */
async function ofMachine(env: NonNullable<OpenOptions['env']>, resource: string, signal: AbortSignal): Promise<string> {
  const host = env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] || 'http://169.254.169.254';
  const id = env['AZURE_CLIENT_ID'];
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource, ...(id ? { client_id: id } : {}) });
  const url = `${host.replace(/\/+$/, '')}/metadata/identity/oauth2/token?${query}`;
  const answer = await ask({ method: 'GET', url, headers: { metadata: 'true' } }, signal).catch(() => {
    // Not a machine of Azure's, most of the time: nobody answers, however often one asks.
    throw new ServiceFailure('credentials', 'not all three variables, and no managed identity');
  });
  return accessToken(answer);
}

function accessToken(answer: Answer): string {
  if (answer.status === 200) return textAt(answer.body, 'access_token');
  const failure = refused(answer, at(answer.body, 'error'));
  throw failure.passes ? failure : new ServiceFailure('credentials', failure.found);
}
