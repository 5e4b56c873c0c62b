import { TufaCommand } from '../../cli/command.ts';
import type { Rehearsal } from '../../jobs/rehearse/rehearse.ts';
import { rehearsalText } from '../../views/rehearse.ts';

export default class CeremonyRehearse extends TufaCommand<typeof CeremonyRehearse, Rehearsal> {
  static override summary =
    'play a whole ceremony in a temporary staging copy: sign, publish, replace a lost key; nothing real is touched';

  protected override async execute(): Promise<Rehearsal> {
    const { rehearse } = await import('../../jobs/rehearse/rehearse.ts');
    const workspace = await this.workspace();
    return this.reporting('steps', (reporter) => rehearse(workspace, reporter));
  }

  protected override render(rehearsal: Rehearsal): string {
    return rehearsalText(rehearsal);
  }
}
