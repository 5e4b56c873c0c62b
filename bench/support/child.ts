import { spawn } from 'node:child_process';
import { fail } from './assert.ts';
import type { Cost } from './harness.ts';

/** Runs a program that prints its own cpu (seconds) and peak memory (bytes) at its end. Wall: from start to exit. */
export async function runChild(command: string, args: readonly string[]): Promise<Cost & { peer: string }> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  const wall = performance.now() - start;
  if (code !== 0) fail(`${command} ${args[0]} ended with ${code}`);
  const { peer = '', cpu, rss } = JSON.parse(output) as { peer?: string; cpu: number; rss: number };
  return { peer, wall, cpu: cpu * 1000, rss };
}
