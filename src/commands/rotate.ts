import { Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { SIGNING_FLAGS } from '../cli/flags.ts';
import { UsageError } from '../errors.ts';
import type { Rotated } from '../jobs/rotate.ts';
import { transactionText } from '../views/transaction.ts';

export default class Rotate extends TufaCommand<typeof Rotate, Rotated> {
  static override summary = 'serve again after a lost online key: its standby signs at once';
  static override flags = {
    ...SIGNING_FLAGS,
    'to-standby': Flags.boolean({ description: 'the active key of timestamp and snapshot is lost' }),
  };

  protected override async execute(flags: FlagsOf<typeof Rotate>): Promise<Rotated> {
    if (!flags['to-standby']) {
      throw new UsageError('to which key?', {
        expected: '--to-standby',
        found: 'nothing',
        hint: 'other keys change by a ceremony: tufa ceremony open root',
      });
    }
    const { rotateToStandby } = await import('../jobs/rotate.ts');
    const workspace = await this.workspace();
    return this.reporting('roles', (reporter) => rotateToStandby(workspace, reporter));
  }

  protected override render({ switched, result }: Rotated): string {
    const lines = switched.map(
      ({ role, from, to, standby }) => `${role}: ${to} signs instead of ${from}; ${standby} is to be its standby`,
    );
    const next = 'next: tufa key generate --online, then tufa ceremony open root, to replace the lost key in root';
    return `${[...lines, transactionText(result, this.clock()).trimEnd(), next].join('\n')}\n`;
  }
}
