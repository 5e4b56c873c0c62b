import { TufaCommand } from '../../cli/command.ts';
import type { StoreDiagnosis } from '../../jobs/doctor/store.ts';
import { storeDiagnosisText } from '../../views/doctor.ts';

export default class DoctorStore extends TufaCommand<typeof DoctorStore, StoreDiagnosis> {
  static override summary = 'prove by races that the store never lets two publishers win; needed for publishers: many';

  protected override async execute(): Promise<StoreDiagnosis> {
    const { doctorStore } = await import('../../jobs/doctor/store.ts');
    const workspace = await this.workspace();
    return this.reporting('checks', (reporter) => doctorStore(workspace, reporter));
  }

  protected override render(diagnosis: StoreDiagnosis): string {
    return storeDiagnosisText(diagnosis);
  }
}
