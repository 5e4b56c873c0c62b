import { Args } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { SIGNING_FLAGS } from '../../cli/flags.ts';
import type { Queued } from '../../jobs/targets.ts';
import { queuedText } from '../../views/queue.ts';

export default class TargetRemove extends TufaCommand<typeof TargetRemove, Queued> {
  static override summary = 'remove files: by target path, NAME or NAME==VERSION';
  static override strict = false;
  static override args = { what: Args.string({ required: true, description: 'target paths, NAME or NAME==VERSION' }) };
  static override flags = { ...SIGNING_FLAGS };

  protected override async execute(_flags: FlagsOf<typeof TargetRemove>): Promise<Queued> {
    const { assertWanted } = await import('../../jobs/wanted.ts');
    assertWanted(this.words);
    const { removeTargets } = await import('../../jobs/targets.ts');
    const workspace = await this.workspace();
    return this.reporting('files', (reporter) => removeTargets(workspace, this.words, reporter));
  }

  protected override render(queued: Queued): string {
    return queuedText(queued, 'removed');
  }
}
