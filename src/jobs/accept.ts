import type { Workspace } from '../config/workspace.ts';
import { InputError } from '../errors.ts';
import { append } from '../queue/append.ts';
import { MAX_ENTRY, openEntry, sealEntry } from '../queue/envelope.ts';
import { Journal } from '../queue/journal.ts';
import { findResult } from '../queue/receipts.ts';
import { read } from '../transaction/read.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { parseJson } from '../tuf/json.ts';
import { queueKey } from '../tuf/layout.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';
import type { Queued } from './targets.ts';
import { operatorOf } from './targets.ts';

/**
 * queue accept: appends a held entry again as `operator`, with its own `was` and `after`. So a second accept, or one by
 * another operator, is void by itself: what the first has changed is above `after` (transaction model, V8).
 */
export async function acceptHeld(workspace: Workspace, number: number, reporter: Reporter = SILENT): Promise<Queued> {
  const context = await openContext(workspace, reporter);
  const { store, settings } = context;
  const live = await read(context);
  const mark = live.snapshot?.signed.queue ?? 0;
  const result = live.snapshot && (await findResult(store, live.snapshot.signed, number));
  const object = await store.get(queueKey(number, settings.queue), { maxLength: MAX_ENTRY });
  if (result?.result !== 'held' || object === undefined) {
    throw new InputError('not held', {
      object: `queue entry ${number}`,
      expected: 'a held entry',
      found: result?.result ?? 'an entry that was not folded',
      hint: 'type `tufa queue status`',
    });
  }
  const held = openEntry(
    parseJson(object.bytes, { maxLength: MAX_ENTRY }),
    number,
    settings.repository,
    settings.uploaders,
  );
  const uploader = operatorOf(workspace, 'operator');
  const signer = await workspace.signer(uploader);
  const journal = new Journal(await workspace.journal());
  const intent = sha256Hex(`accept ${number}`);
  const planned = (await journal.load(intent)) ?? { intent, rows: held.changes, after: held.after };
  const seal = (n: number) =>
    sealEntry({ ...held, number: n, uploader, kind: 'operator', made: context.clock() }, signer);
  const accepted = await append({ store, queue: settings.queue, mark, journal, seal }, planned);
  return { number: accepted, rows: held.changes, already: [] };
}
