import { TufaCommand } from '../../cli/command.ts';
import type { KeyInfo } from '../../jobs/keys.ts';
import { shortDigest } from '../../views/digest.ts';
import { table } from '../../views/table.ts';

export default class KeyList extends TufaCommand<typeof KeyList, { keys: KeyInfo[] }> {
  static override summary = 'show the keys of holders/: who may sign what, and where the private keys are';

  protected override async execute(): Promise<{ keys: KeyInfo[] }> {
    const { listKeys } = await import('../../jobs/keys.ts');
    return { keys: await listKeys(await this.workspace()) };
  }

  protected override render({ keys }: { keys: KeyInfo[] }): string {
    const rows = keys.map(({ name, scheme, keyid, roles, uri }) => [
      name,
      scheme,
      shortDigest(keyid),
      roles.join(', '),
      uri ?? 'elsewhere',
    ]);
    return table(['name', 'scheme', 'keyid', 'roles', 'private key'], rows);
  }
}
