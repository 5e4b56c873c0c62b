import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { SIGNING_FLAGS } from '../cli/flags.ts';
import { EXIT } from '../errors.ts';
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

  /** 5: committed, and some entry or row of the queue was refused; the receipt says which. */
  protected override exitCode({ entries }: TransactionResult): number {
    return entries.some((entry) => entry.result === 'refused' || entry.result === 'part') ? EXIT.input : EXIT.done;
  }

  protected override render(result: TransactionResult): string {
    return transactionText(result, this.clock());
  }
}
