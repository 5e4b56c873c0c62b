import { Args } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { CONFIRM_FLAG } from '../../cli/flags.ts';
import type { Abandoned } from '../../jobs/ceremony/rebase.ts';

export default class CeremonyAbandon extends TufaCommand<typeof CeremonyAbandon, Abandoned> {
  static override summary = 'give drafts up for good, with the signatures on them';
  static override strict = false;
  static override args = {
    role: Args.string({ required: true, description: 'role of the draft; several if need be' }),
  };
  static override flags = { ...CONFIRM_FLAG };

  protected override async execute(flags: FlagsOf<typeof CeremonyAbandon>): Promise<Abandoned> {
    const { abandonable, abandonCeremony } = await import('../../jobs/ceremony/rebase.ts');
    const workspace = await this.workspace();
    const drafts = await abandonable(workspace, this.words);
    const list = drafts.map(({ role, version, signatures }) => `${role} ${version} (${signatures.size} signatures)`);
    await this.prompt.confirmText(`Give up ${list.join(', ')}?`, workspace.config.repository.name, flags.confirm);
    return abandonCeremony(workspace, drafts);
  }

  protected override render({ abandoned }: Abandoned): string {
    return [
      `gave up ${abandoned.join(', ')}; a record is in ceremony/abandoned/`,
      'tell the other holders: a copy that they complete could still be published',
      'next: tufa ceremony open ROLE',
      '',
    ].join('\n');
  }
}
