import { Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { CEREMONY_FLAGS, CONFIRM_FLAG, SIGNING_FLAGS } from '../../cli/flags.ts';
import { EXIT, UsageError } from '../../errors.ts';
import type { Recovery } from '../../jobs/recover/report.ts';
import { recoveryText } from '../../views/recover.ts';

export default class RecoverCompromise extends TufaCommand<typeof RecoverCompromise, Recovery> {
  static override summary = 'keys are stolen: go back to the last good snapshot, with new keys (PEP 458, five steps)';
  static override description =
    `Run it once: it compares what is live with the good snapshot and draws what has to be signed.
Run it again when the holders have signed: it carries everything out in one snapshot.

Whose keys: timestamp, snapshot, bins, recent, deny (online keys; bins and recent are those of their leaves); targets, trust,
claimed (a threshold of the holders); bins-holders, recent-holders (of those who delegate to the leaves). Keys of timestamp
and snapshot are always replaced: clients forget the versions of a thief only with the keys that signed them.`;
  static override examples = [
    '<%= config.bin %> recover compromise --role timestamp --role snapshot --role bins --good 41',
    '<%= config.bin %> recover compromise --role timestamp --good 41 --good-sha256 DIGEST --confirm corp',
  ];
  static override flags = {
    ...SIGNING_FLAGS,
    ...CEREMONY_FLAGS,
    ...CONFIRM_FLAG,
    role: Flags.string({ required: true, multiple: true, helpValue: 'ROLE', description: 'whose key is stolen' }),
    good: Flags.integer({ required: true, min: 1, helpValue: 'VERSION', description: 'the last good timestamp' }),
    'good-sha256': Flags.string({
      helpValue: 'DIGEST',
      description: 'sha256 of that timestamp or of its snapshot, written down elsewhere than in the store',
    }),
    'trust-stored-leaves': Flags.boolean({
      description: 'files of leaves that the good snapshot lists without a hash have been compared with an archive',
    }),
  };

  protected override async execute(flags: FlagsOf<typeof RecoverCompromise>): Promise<Recovery> {
    const sha256 = flags['good-sha256'];
    if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
      throw new UsageError('not a sha256', {
        object: '--good-sha256',
        expected: '64 lower-case hexadecimal digits',
        found: sha256,
      });
    }
    const { parseRoles, recoverCompromise } = await import('../../jobs/recover/recover.ts');
    parseRoles(flags.role);
    const workspace = await this.workspace();
    const question = `Go back to version ${flags.good} and replace the keys of ${flags.role.join(', ')}?`;
    await this.prompt.confirmText(question, workspace.config.repository.name, flags.confirm);
    const options = {
      roles: flags.role,
      good: flags.good,
      goodSha256: sha256,
      trustStoredLeaves: flags['trust-stored-leaves'],
      breaks: flags['break-clients'],
    };
    return this.reporting('roles', (reporter) => recoverCompromise(workspace, options, reporter));
  }

  /** 12: the holders have to sign. */
  protected override exitCode({ state }: Recovery): number {
    return state === 'open' ? EXIT.person : EXIT.done;
  }

  protected override render(recovery: Recovery): string {
    return recoveryText(recovery);
  }
}
