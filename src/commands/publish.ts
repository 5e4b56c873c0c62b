import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { SIGNING_FLAGS } from '../cli/flags.ts';
import { EXIT } from '../errors.ts';
import type { EntryResult } from '../queue/drain.ts';
import type { TransactionResult } from '../transaction/transact.ts';
import { transactionText } from '../views/transaction.ts';

export default class Publish extends TufaCommand<typeof Publish, TransactionResult> {
  static override summary = 'fold what waits in the queue into one consistent snapshot';
  static override flags = { ...SIGNING_FLAGS };

  protected override async execute(_flags: FlagsOf<typeof Publish>): Promise<TransactionResult> {
    const { publish } = await import('../jobs/publish.ts');
    const workspace = await this.workspace();
    return this.reporting('files', (reporter) => publish(workspace, reporter));
  }

  /**
   * Committed, and some entry or row of the queue was refused; the receipt says which. 7: other changes of the same paths
   * were first, and nothing else is wrong; 5: something is.
   */
  protected override exitCode({ entries }: TransactionResult): number {
    const bad = entries.filter(({ result }) => result === 'refused' || result === 'part');
    if (bad.length === 0) return EXIT.done;
    const isOvertaken = ({ rows }: EntryResult): boolean =>
      rows.length > 0 && rows.every((row) => row.result !== 'refused' || row.overtaken === true);
    return bad.every(isOvertaken) ? EXIT.conflict : EXIT.input;
  }

  protected override render(result: TransactionResult): string {
    return transactionText(result, this.clock());
  }
}
