import { TufaCommand } from '../../cli/command.ts';
import { EXIT } from '../../errors.ts';
import { type ExitCode, exitCodes, exitCodesText } from '../../views/exit-codes.ts';

export default class HelpExitCodes extends TufaCommand<typeof HelpExitCodes, { exitCodes: readonly ExitCode[] }> {
  static override summary = 'what the exit code of every command means';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  protected override async execute(): Promise<{ exitCodes: readonly ExitCode[] }> {
    return { exitCodes: exitCodes(EXIT) };
  }

  protected override render(result: { exitCodes: readonly ExitCode[] }): string {
    return exitCodesText(result.exitCodes);
  }
}
