import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { INSTALLER_FLAGS } from '../../cli/flags.ts';

interface Trusting {
  repository: string;
  root: number;
  sha256: string;
  trusted: string;
}

export default class TrustAdd extends TufaCommand<typeof TrustAdd, Trusting> {
  static override summary = 'start to trust a repository by the digest of its root, which a person has given';
  static override args = {
    repository: Args.string({ required: true, description: 'URI or folder of the repository' }),
  };
  static override flags = {
    'root-sha256': Flags.string({
      required: true,
      helpValue: 'DIGEST',
      description: 'sha256 of the root file, from its operators',
    }),
    trusted: INSTALLER_FLAGS.trusted,
  };

  protected override async execute(flags: FlagsOf<typeof TrustAdd>, args: ArgsOf<typeof TrustAdd>): Promise<Trusting> {
    const { addTrust } = await import('../../jobs/installer.ts');
    return addTrust({
      ...this.installer({ trusted: flags.trusted }),
      repository: args.repository,
      sha256: flags['root-sha256'].replaceAll(' ', ''),
    });
  }

  protected override render({ repository, root, sha256, trusted }: Trusting): string {
    return `trusting ${repository} from root ${root} (sha256 ${sha256})\nstate: ${trusted}\nnext: tufa get NAME --repository ${repository}\n`;
  }
}
