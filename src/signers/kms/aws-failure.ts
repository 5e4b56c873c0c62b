import { type FailureKind, ServiceFailure, wordOr } from './failure.ts';
import { noAnswer } from './http.ts';

/** What Amazon's library throws, as far as it is looked at. Its sentences stay where they are: some repeat the request. */
interface AwsError {
  readonly name: string;
  readonly message: string;
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
}

/** Amazon's names, and what they mean here. */
const KINDS: ReadonlyMap<string, FailureKind> = new Map<string, FailureKind>([
  ['ThrottlingException', 'throttled'],
  ['Throttling', 'throttled'],
  ['TooManyRequestsException', 'throttled'],
  ['RequestThrottledException', 'throttled'],
  ['RequestLimitExceeded', 'throttled'],
  ['LimitExceededException', 'throttled'],
  ['KMSInternalException', 'busy'],
  ['DependencyTimeoutException', 'busy'],
  ['KeyUnavailableException', 'busy'],
  ['InternalFailure', 'busy'],
  ['ServiceUnavailable', 'busy'],
  ['AccessDeniedException', 'access'],
  ['AccessDenied', 'access'],
  ['NotAuthorized', 'access'],
  ['OptInRequired', 'access'],
  ['ExpiredTokenException', 'expired'],
  ['ExpiredToken', 'expired'],
  ['UnrecognizedClientException', 'credentials'],
  ['InvalidClientTokenId', 'credentials'],
  ['InvalidSignatureException', 'credentials'],
  ['SignatureDoesNotMatch', 'credentials'],
  ['IncompleteSignature', 'credentials'],
  ['MissingAuthenticationToken', 'credentials'],
  ['MissingAuthenticationTokenException', 'credentials'],
  ['CredentialsProviderError', 'credentials'],
  ['TokenProviderError', 'credentials'],
  ['NotFoundException', 'not-found'],
  ['DisabledException', 'disabled'],
  ['KMSInvalidStateException', 'disabled'],
  ['InvalidKeyUsageException', 'usage'],
  ['UnsupportedOperationException', 'usage'],
]);

/** @param error what `send` of Amazon's library was rejected with */
export function awsFailure(error: unknown): ServiceFailure {
  if (!(error instanceof Error)) return new ServiceFailure('answer', 'no error');
  const { name, message, $fault, $metadata = {} }: AwsError = error;
  const status = $metadata.httpStatusCode;
  const found = wordOr(`HTTP ${status ?? 'error'}`, name);
  // The library has set its clock by the answer, so the next attempt is signed with the right time.
  if ($metadata.clockSkewCorrected === true) return new ServiceFailure('busy', found);
  const known = KINDS.get(name);
  if (known !== undefined) return new ServiceFailure(known, found);
  if (/^region is missing/i.test(message)) return new ServiceFailure('region', 'no region');
  if (status === 429) return new ServiceFailure('throttled', found);
  if ($fault === 'server' || (status ?? 0) >= 500) return new ServiceFailure('busy', found);
  if ($fault === 'client' || status !== undefined) return new ServiceFailure('request', found);
  return noAnswer(error);
}
