import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import type { Demo } from '../jobs/demo/demo.ts';
import { demoText } from '../views/demo.ts';

export default class DemoCommand extends TufaCommand<typeof DemoCommand, Demo> {
  static override summary = 'make a signed index of small wheels and play attacks on it: offline, in seconds';
  static override flags = {
    keep: Flags.string({ helpValue: 'DIR', description: 'leave the folders: DIR/good, DIR/<attack>' }),
  };

  protected override async execute(flags: FlagsOf<typeof DemoCommand>): Promise<Demo> {
    const { demo } = await import('../jobs/demo/demo.ts');
    return demo(flags.keep === undefined ? undefined : resolve(flags.keep), this.clock());
  }

  protected override render(result: Demo): string {
    return demoText(result, this.clock());
  }
}
