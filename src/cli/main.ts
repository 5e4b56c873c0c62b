import { inspect } from 'node:util';
import { printableJson, printableText } from '../views/printable.ts';
import type { Asked, Failure } from './failure.ts';
import { Log } from './log.ts';
import { flushed, toleratePipes, writeAll } from './output.ts';
import { beforeDashes, findRoute } from './route.ts';

/**
 * Runs one command line and ends the process. oclif's own runner gives a slow reader ten seconds and then loses the rest.
 *
 * @param root folder of package.json
 */
export async function main(argv: readonly string[], root: string): Promise<void> {
  toleratePipes();
  process.once('SIGINT', () => void interrupted(argv));
  let asked: Asked = { command: undefined, bugs: undefined };
  try {
    const { Config } = await import('@oclif/core');
    const config = await Config.load({ root });
    const { bugs } = config.pjson as { bugs?: string | { url?: string } };
    asked = { ...asked, bugs: typeof bugs === 'string' ? bugs : bugs?.url };
    const route = findRoute(argv, config);
    if (route.kind === 'version') {
      await writeAll(`${config.userAgent}\n`);
    } else if (route.kind === 'help') {
      const { helpText } = await import('./help.ts');
      await writeAll(await helpText(config, route.subject));
    } else {
      asked = { ...asked, command: route.id.replaceAll(':', ' ') };
      await config.runCommand(route.id, route.argv);
    }
  } catch (error) {
    const { describeFailure } = await import('./failure.ts');
    const failure = describeFailure(error, asked);
    await report(failure, argv);
    if (process.env['DEBUG']) process.stderr.write(`${printableText(inspect(error))}\n`);
  }
  await flushed();
  process.exit();
}

async function report(failure: Failure, argv: readonly string[]): Promise<void> {
  process.exitCode = failure.exitCode;
  const typed = beforeDashes(argv);
  if (typed.includes('--json')) return writeAll(`${printableJson({ error: failure })}\n`);
  const { message, hint, ...more } = failure;
  logFor(typed).error(message, hint, more);
}

/** Ctrl-C. Nothing is undone: a transaction is finished, or not begun, by the next command. */
async function interrupted(argv: readonly string[]): Promise<void> {
  process.once('SIGINT', () => process.exit());
  const { INTERRUPTED } = await import('./failure.ts');
  await report(INTERRUPTED, argv);
  await flushed();
  process.exit();
}

/** The command line may be one that cannot be parsed, so its flags are looked for by hand. */
function logFor(typed: readonly string[]): Log {
  const json = typed.some(
    (arg, i) => arg === '--log-format=json' || (arg === 'json' && typed[i - 1] === '--log-format'),
  );
  return new Log({ format: json ? 'json' : 'text', quiet: false, verbose: false, clock: () => new Date() });
}
