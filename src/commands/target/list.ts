import { Args } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';

interface Listing {
  targets: { path: string; role: string; sha256: string; length: number }[];
}

export default class TargetList extends TufaCommand<typeof TargetList, Listing> {
  static override summary = 'list target paths of the live state, all or of one project';
  static override args = { project: Args.string({ description: 'only this project' }) };

  protected override async execute(
    _flags: FlagsOf<typeof TargetList>,
    args: ArgsOf<typeof TargetList>,
  ): Promise<Listing> {
    const { listTargets } = await import('../../jobs/targets.ts');
    const targets: Listing['targets'] = [];
    for await (const target of listTargets(await this.workspace(), args.project)) targets.push(target);
    return { targets };
  }

  protected override *render({ targets }: Listing): Iterable<string> {
    for (const { path, sha256, length } of targets) yield `${sha256}  ${String(length).padStart(10)}  ${path}\n`;
  }
}
