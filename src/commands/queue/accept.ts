import { Args } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { SIGNING_FLAGS } from '../../cli/flags.ts';
import type { Queued } from '../../jobs/targets.ts';
import { queuedText } from '../../views/queue.ts';

export default class QueueAccept extends TufaCommand<typeof QueueAccept, Queued> {
  static override summary = 'append a held entry again, as operator: what it removes is meant';
  static override args = { number: Args.integer({ required: true, description: 'number of the held entry' }) };
  static override flags = { ...SIGNING_FLAGS };

  protected override async execute(
    _flags: FlagsOf<typeof QueueAccept>,
    args: ArgsOf<typeof QueueAccept>,
  ): Promise<Queued> {
    const { acceptHeld } = await import('../../jobs/accept.ts');
    const workspace = await this.workspace();
    return this.reporting('entries', (reporter) => acceptHeld(workspace, args.number, reporter));
  }

  protected override render(queued: Queued): string {
    return queuedText(queued, 'accepted');
  }
}
