import { Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { SIGNING_FLAGS } from '../../cli/flags.ts';
import type { SignersDiagnosis } from '../../jobs/doctor/signers.ts';
import { signersDiagnosisText } from '../../views/doctor.ts';

export default class DoctorSigners extends TufaCommand<typeof DoctorSigners, SignersDiagnosis> {
  static override summary =
    'have each key sign once, and say which roles this machine can sign, now and after the next root; exit 6 or 3 if not';
  static override flags = {
    ...SIGNING_FLAGS,
    roles: Flags.option({
      options: ['timestamp', 'snapshot', 'leaves'] as const,
      multiple: true,
      description: 'what this machine signs (default: all online roles)',
    })(),
  };

  protected override async execute(flags: FlagsOf<typeof DoctorSigners>): Promise<SignersDiagnosis> {
    const { doctorSigners } = await import('../../jobs/doctor/signers.ts');
    const workspace = await this.workspace();
    return this.reporting('keys', (reporter) => doctorSigners(workspace, { roles: flags.roles }, reporter));
  }

  protected override exitCode(diagnosis: SignersDiagnosis): number {
    return diagnosis.exitCode;
  }

  protected override render(diagnosis: SignersDiagnosis): string {
    return signersDiagnosisText(diagnosis);
  }
}
