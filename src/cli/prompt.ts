import { PersonError, UsageError } from '../errors.ts';
import { printable } from '../views/printable.ts';

/** Asks a person, on the terminal alone: answers come from stdin, questions go to stderr. */
export class Prompt {
  private readonly allowed: boolean;

  /** @param allowed false: `--no-input` */
  constructor(allowed: boolean) {
    this.allowed = allowed;
  }

  /** Whether somebody is there to be asked. */
  get possible(): boolean {
    return this.allowed && process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  /**
   * A question with the answer "no" unless `y` is typed.
   *
   * @param yes `--yes` was given
   * @throws PersonError when nobody can be asked, or the answer is no
   */
  async confirm(question: string, yes: boolean | undefined): Promise<void> {
    if (yes === true) return;
    this.require(question, '--yes');
    const { confirm } = await import('@inquirer/prompts');
    const answer = await confirm({ message: printable(question), default: false }, { output: process.stderr });
    if (!answer) throw declined(question);
  }

  /**
   * For what cannot be undone: the name has to be typed, or given with `--confirm`.
   *
   * @param flag value of `--confirm`, if it was given
   * @throws UsageError when `flag` is another name, PersonError when nobody can be asked or something else is typed
   */
  async confirmText(question: string, name: string, flag: string | undefined): Promise<void> {
    if (flag === name) return;
    if (flag !== undefined) {
      throw new UsageError('--confirm names another repository', {
        code: 'usage.confirm',
        expected: JSON.stringify(name),
        found: JSON.stringify(flag),
        hint: `if this repository is meant, type: --confirm ${name}`,
      });
    }
    this.require(question, `--confirm ${name}`);
    const { input } = await import('@inquirer/prompts');
    const message = `${printable(question)} To go on, type ${printable(name)}:`;
    if ((await input({ message }, { output: process.stderr })).trim() !== name) throw declined(question);
  }

  /**
   * Something else than the name has to be typed, such as the beginning of a digest: who types it has looked at it.
   *
   * @param instead what may be given on the command line instead: `--confirm corp`
   */
  async typed(question: string, expected: string, instead: string): Promise<void> {
    this.require(question, instead);
    const { input } = await import('@inquirer/prompts');
    const answer = await input({ message: printable(question) }, { output: process.stderr });
    if (answer.replaceAll(' ', '').toLowerCase() !== expected) throw declined(question);
  }

  private require(question: string, flag: string): void {
    if (this.possible) return;
    throw new PersonError('somebody has to confirm this, and there is no terminal to ask on', {
      code: 'person.confirmation',
      object: question,
      hint: `to confirm without being asked, add: ${flag}`,
    });
  }
}

function declined(question: string): PersonError {
  return new PersonError('not confirmed, nothing was done', { code: 'person.declined', object: question });
}
