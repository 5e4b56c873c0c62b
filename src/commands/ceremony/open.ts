import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { CEREMONY_FLAGS } from '../../cli/flags.ts';
import { durationMs } from '../../config/duration.ts';
import { UsageError } from '../../errors.ts';
import type { Opened } from '../../jobs/ceremony/open.ts';
import { openedText } from '../../views/ceremony.ts';

export default class CeremonyOpen extends TufaCommand<typeof CeremonyOpen, Opened> {
  static override summary = 'draw the next drafts of offline roles from tufa.yaml and holders/';
  static override examples = [
    '<%= config.bin %> ceremony open root',
    '<%= config.bin %> ceremony open root targets --expires 180d',
  ];
  static override strict = false;
  static override args = {
    role: Args.string({
      required: true,
      description: 'root, targets, trust, claimed, bins, recent; several if need be',
    }),
  };
  static override flags = {
    ...CEREMONY_FLAGS,
    expires: Flags.string({ helpValue: '180d', description: 'valid for so long (default: what tufa.yaml says)' }),
    'one-time': Flags.boolean({
      description: 'sign with keys that are made and destroyed here; the delegator then names them',
    }),
    'at-once': Flags.boolean({
      description: 'after a compromise: keys of online roles change at once, not first to both; then publish --urgent',
    }),
  };

  protected override async execute(
    flags: FlagsOf<typeof CeremonyOpen>,
    _args: ArgsOf<typeof CeremonyOpen>,
  ): Promise<Opened> {
    const expires = flags.expires === undefined ? undefined : durationMs(flags.expires);
    if (flags.expires !== undefined && expires === undefined) {
      throw new UsageError('not a time', {
        object: '--expires',
        expected: 'a time such as 180d, at most 3650d',
        found: flags.expires,
      });
    }
    const { openCeremony } = await import('../../jobs/ceremony/open.ts');
    const workspace = await this.workspace();
    const options = {
      roles: this.words,
      expires,
      oneTime: flags['one-time'],
      atOnce: flags['at-once'],
      breaks: flags['break-clients'],
    };
    return this.reporting('drafts', (reporter) => openCeremony(workspace, options, reporter));
  }

  protected override render(opened: Opened): string {
    return openedText(opened);
  }
}
