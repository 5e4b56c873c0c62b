import { Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { durationMs } from '../config/duration.ts';
import { UsageError } from '../errors.ts';
import type { Status } from '../jobs/status.ts';
import { statusText } from '../views/status.ts';

export default class StatusCommand extends TufaCommand<typeof StatusCommand, Status> {
  static override summary =
    'show every role with its version and deadline; exit 11 when one has expired or is about to';
  static override flags = {
    'valid-for': Flags.string({ helpValue: '5d', description: 'exit 11 unless each role is valid for so long' }),
  };

  protected override async execute(flags: FlagsOf<typeof StatusCommand>): Promise<Status> {
    const { status } = await import('../jobs/status.ts');
    const validFor = flags['valid-for'] === undefined ? undefined : durationMs(flags['valid-for']);
    if (flags['valid-for'] !== undefined && validFor === undefined)
      throw new UsageError('not a time', {
        object: '--valid-for',
        expected: 'a time such as 5d or 12h',
        found: flags['valid-for'],
      });
    const workspace = await this.workspace();
    return this.reporting('roles', (reporter) => status(workspace, { validFor }, reporter));
  }

  protected override exitCode(result: Status): number {
    return result.exitCode;
  }

  protected override render(result: Status): string {
    return statusText(result, this.clock());
  }
}
