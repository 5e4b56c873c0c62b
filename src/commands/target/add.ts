import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { SIGNING_FLAGS } from '../../cli/flags.ts';
import type { Queued } from '../../jobs/targets.ts';
import { queuedText } from '../../views/queue.ts';

export default class TargetAdd extends TufaCommand<typeof TargetAdd, Queued> {
  static override summary = 'add wheels and sdists: their bytes to the store, the change to the queue';
  static override strict = false;
  static override args = {
    files: Args.string({ required: true, description: 'distribution files, or folders of them' }),
  };
  static override flags = {
    ...SIGNING_FLAGS,
    replace: Flags.boolean({ description: 'allow another content for a file that is listed' }),
  };

  protected override async execute(flags: FlagsOf<typeof TargetAdd>, _args: ArgsOf<typeof TargetAdd>): Promise<Queued> {
    const { addTargets } = await import('../../jobs/targets.ts');
    const workspace = await this.workspace();
    return this.reporting('files', (reporter) =>
      addTargets(workspace, this.words, { replace: flags.replace }, reporter),
    );
  }

  protected override render(queued: Queued): string {
    return queuedText(queued, 'added');
  }
}
