import { Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { SIGNING_FLAGS } from '../cli/flags.ts';
import type { TransactionResult } from '../transaction/transact.ts';
import { transactionText } from '../views/transaction.ts';

export default class Refresh extends TufaCommand<typeof Refresh, TransactionResult> {
  static override summary = 'sign what is inside its renewal window: timestamp, snapshot, bins; for a scheduled job';
  static override flags = {
    ...SIGNING_FLAGS,
    roles: Flags.option({
      options: ['timestamp', 'snapshot', 'leaves'] as const,
      multiple: true,
      description: 'open only the signers of these (default: all)',
    })(),
  };

  protected override async execute(flags: FlagsOf<typeof Refresh>): Promise<TransactionResult> {
    const { refresh } = await import('../jobs/refresh.ts');
    const workspace = await this.workspace();
    return this.reporting('roles', (reporter) => refresh(workspace, { roles: flags.roles }, reporter));
  }

  protected override render(result: TransactionResult): string {
    return transactionText(result, this.clock());
  }
}
