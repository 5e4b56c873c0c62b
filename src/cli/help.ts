import { Help, type Interfaces } from '@oclif/core';

/** The help that oclif would print: of the program, of a topic (`key`), or of a command (`key:generate`). */
export async function helpText(config: Interfaces.Config, subject: string | undefined): Promise<string> {
  const lines: string[] = [];
  class Collected extends Help {
    protected override log(...parts: string[]): void {
      lines.push(parts.join(' '));
    }
  }
  await new Collected(config).showHelp(subject === undefined ? [] : [subject]);
  return `${lines.join('\n').trimEnd()}\n`;
}
