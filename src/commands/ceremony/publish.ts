import { Args, Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { CEREMONY_FLAGS, SIGNING_FLAGS } from '../../cli/flags.ts';
import { EXIT } from '../../errors.ts';
import type { PublishResult } from '../../jobs/ceremony/publish.ts';
import { publishedText } from '../../views/ceremony.ts';

export default class CeremonyPublish extends TufaCommand<typeof CeremonyPublish, PublishResult> {
  static override summary =
    'carry complete drafts to where clients find them: a role by the queue, a root by its bridge';
  static override strict = false;
  static override args = { role: Args.string({ description: 'only these roles' }) };
  static override flags = {
    ...SIGNING_FLAGS,
    ...CEREMONY_FLAGS,
    urgent: Flags.boolean({
      description: 'after a compromise: no grace is waited for, and leaves that lose their keys are signed at once',
    }),
  };

  protected override async execute(flags: FlagsOf<typeof CeremonyPublish>): Promise<PublishResult> {
    const { publishCeremony } = await import('../../jobs/ceremony/publish.ts');
    const workspace = await this.workspace();
    const options = {
      roles: this.words.length === 0 ? undefined : this.words,
      urgent: flags.urgent,
      breaks: flags['break-clients'],
    };
    return this.reporting('drafts', (reporter) => publishCeremony(workspace, options, reporter));
  }

  /** 7: something waits for the grace, and this very command finishes it. */
  protected override exitCode({ published }: PublishResult): number {
    return published.some(({ state }) => state === 'waiting') ? EXIT.conflict : EXIT.done;
  }

  protected override render(result: PublishResult): string {
    return publishedText(result);
  }
}
