import { Args } from '@oclif/core';
import { type ArgsOf, type FlagsOf, TufaCommand } from '../../cli/command.ts';

export default class Help extends TufaCommand<typeof Help, { help: string }> {
  static override summary = 'what the commands do, and how they are called';
  static override args = { command: Args.string({ description: 'words of a command or a topic', multiple: true }) };
  static override examples = ['<%= config.bin %> <%= command.id %> key generate'];

  protected override async execute(_flags: FlagsOf<typeof Help>, args: ArgsOf<typeof Help>): Promise<{ help: string }> {
    const [{ helpText }, { findRoute }] = await Promise.all([
      import('../../cli/help.ts'),
      import('../../cli/route.ts'),
    ]);
    const route = findRoute([...[args.command ?? []].flat(), '--help'], this.config);
    return { help: await helpText(this.config, route.kind === 'help' ? route.subject : undefined) };
  }

  protected override render({ help }: { help: string }): string {
    return help;
  }
}
