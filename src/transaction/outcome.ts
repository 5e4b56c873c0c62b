/**
 * What became of the commit, decided from what can be read afterwards. A 412 does not mean "somebody else won", and a
 * timeout does not mean "nothing happened": the record decides, because record v exists before any timestamp later than
 * v is committed (transaction model, E1).
 */

export interface OutcomeView {
  /** The answer to the swap. */
  readonly answer: 'committed' | 'moved' | 'unknown';
  /** Whether the live timestamp is ours; undefined: it could not be read. */
  readonly liveIsOurs: boolean | undefined;
  /** Whether the live etag is still the one that the swap was conditional on; undefined: it could not be read. */
  readonly etagUnchanged: boolean | undefined;
  /** Record of our number; `unread`: it could not be read. */
  readonly record: 'ours' | 'other' | 'absent' | 'unread';
}

export type Outcome = 'committed' | 'lost' | 'send-again' | 'unknown';

export function outcome(view: OutcomeView): Outcome {
  if (view.answer === 'committed') return 'committed';
  if (view.liveIsOurs === true || view.record === 'ours') return 'committed';
  if (view.record === 'other' || view.record === 'unread' || view.liveIsOurs === undefined) return 'unknown';
  // Our swap may still be on its way: the same bytes under the same condition can only land once.
  if (view.etagUnchanged === true) return 'send-again';
  return 'lost';
}
