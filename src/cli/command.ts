import { PassThrough } from 'node:stream';
import { Command, type Interfaces } from '@oclif/core';
import type { Workspace, WorkspaceOptions } from '../config/workspace.ts';
import { EXIT } from '../errors.ts';
import type { Reporter } from '../jobs/context.ts';
import type { SecretSource } from '../signers/port.ts';
import { printableJson, printableText } from '../views/printable.ts';
import { GLOBAL_FLAGS } from './flags.ts';
import { Log } from './log.ts';
import { type Output, writeAll } from './output.ts';
import { type Progress, progress } from './progress.ts';
import { Prompt } from './prompt.ts';

export type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof TufaCommand)['baseFlags'] & T['flags']
>;
export type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

/**
 * What all commands share. A command parses nothing and prints nothing itself:
 *
 *     export default class Refresh extends TufaCommand<typeof Refresh, RefreshReport> {
 *       static override summary = 'keep timestamp, snapshot and bins fresh';
 *       static override flags = { ...SIGNING_FLAGS, roles: Flags.string({ ... }) };
 *
 *       protected override async execute(flags: FlagsOf<typeof Refresh>): Promise<RefreshReport> {
 *         return refresh(await this.workspace(), { roles: flags.roles });
 *       }
 *
 *       protected override render(report: RefreshReport): string {
 *         return refreshText(report);
 *       }
 *     }
 *
 * The result of `execute` is what `--json` prints; `render` makes the text for people of it. Jobs, views with a cost and
 * libraries are imported inside `execute`: every command's file is loaded whenever `tufa` starts.
 */
export abstract class TufaCommand<T extends typeof Command, Result extends object> extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = GLOBAL_FLAGS;

  private given: Partial<Interfaces.InferredFlags<typeof GLOBAL_FLAGS>> & Record<string, unknown> = {};
  private typed: string[] = [];
  private opened: Promise<Workspace> | undefined;
  private asked: (SecretSource & Disposable) | undefined;

  protected abstract execute(flags: FlagsOf<T>, args: ArgsOf<T>): Promise<Result>;

  /** Text for people, with its newline at the end. Values that somebody else wrote go through `printable`. */
  protected abstract render(result: Result): Output;

  /** For commands whose answer is also an exit code (`status`: 11). */
  protected exitCode(_result: Result): number {
    return EXIT.done;
  }

  /** The workspace that this command line means; opened once, closed at the end. */
  protected workspace(options: Partial<WorkspaceOptions> = {}): Promise<Workspace> {
    this.opened ??= this.open(options);
    return this.opened;
  }

  /** Folder that `--workspace` names, or the current one. */
  protected get directory(): string {
    return this.given.workspace ?? process.cwd();
  }

  /** For what has no workspace: that one's clock goes first. */
  protected get clock(): () => Date {
    return () => new Date();
  }

  /** Passphrases and PINs, by the flags of SIGNING_FLAGS or from the terminal. */
  protected async secrets(): Promise<SecretSource> {
    const { secretSource } = await import('./secrets.ts');
    const nobody = Object.assign(new PassThrough(), { isTTY: false });
    const tty = this.given['no-input'] === true ? { stdin: nobody, stderr: nobody } : process;
    this.asked ??= secretSource({
      passphraseFile: this.given['passphrase-file'] as string | undefined,
      passphraseFd: this.given['passphrase-fd'] as number | undefined,
      pinFile: this.given['pin-file'] as string | undefined,
      pinFd: this.given['pin-fd'] as number | undefined,
      finalPinTry: this.given['final-pin-try'] === true,
      env: process.env,
      tty,
    });
    return this.asked;
  }

  protected get notes(): Log {
    const { quiet = false, verbose = false, 'log-format': format = 'text' } = this.given;
    return new Log({ format, quiet, verbose, clock: this.clock });
  }

  protected get prompt(): Prompt {
    return new Prompt(this.given['no-input'] !== true);
  }

  /** @param unit what is counted: `files` */
  protected progress(unit: string): Progress {
    const stream = process.stderr;
    const json = this.jsonEnabled() && !stream.isTTY;
    const silent = this.given.quiet === true || this.given['log-format'] === 'json' || json;
    return progress({ unit, stream, silent, now: () => performance.now() });
  }

  /** Arguments as they were typed, for commands that take any number of them. */
  protected get words(): string[] {
    return this.typed;
  }

  /** What INSTALLER_FLAGS, the folder and the environment say about the repository to read. */
  protected installer(flags: { root?: string | undefined; trusted?: string | undefined }) {
    return { directory: this.directory, root: flags.root, trusted: flags.trusted, env: process.env };
  }

  /** Runs a job with its warnings and its progress on stderr. @param unit what is counted: `files` */
  protected async reporting<R>(unit: string, job: (reporter: Reporter) => Promise<R>): Promise<R> {
    const progress = this.progress(unit);
    const notes = this.notes;
    try {
      return await job({
        warn: (message) => notes.warning(message),
        progress: (_what, done, total) => progress.update(done, total === 0 ? undefined : total),
      });
    } finally {
      progress.end();
    }
  }

  override jsonEnabled(): boolean {
    return this.given['json'] === true;
  }

  override async run(): Promise<void> {
    const { flags, baseFlags, args, strict, enableJsonFlag } = this.ctor;
    const parsed = await this.parse({ flags, baseFlags, args: withoutStdin(args), strict, enableJsonFlag });
    this.given = parsed.flags;
    this.typed = parsed.argv as string[];
    try {
      const result = await this.execute(parsed.flags as FlagsOf<T>, parsed.args as ArgsOf<T>);
      process.exitCode = this.exitCode(result);
      await writeAll(this.jsonEnabled() ? `${printableJson(result)}\n` : safe(this.render(result)));
    } finally {
      await this.opened?.then((workspace) => workspace.close()).catch(() => undefined);
      this.asked?.[Symbol.dispose]();
    }
  }

  /** Errors are reported in one place, `main.ts`. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  private async open(options: Partial<WorkspaceOptions>): Promise<Workspace> {
    const { Workspace } = await import('../config/workspace.ts');
    const warn = (message: string): void => this.notes.warning(message);
    return Workspace.open(this.directory, { secrets: await this.secrets(), warn, ...options });
  }
}

/** oclif fills a missing argument from stdin, which may be where a passphrase comes from. */
function withoutStdin(args: Interfaces.ArgInput): Interfaces.ArgInput {
  return Object.fromEntries(Object.entries(args).map(([name, arg]) => [name, { ...arg, ignoreStdin: true }]));
}

async function* safe(output: Output): AsyncIterable<string> {
  for await (const part of typeof output === 'string' ? [output] : output) yield printableText(part);
}
