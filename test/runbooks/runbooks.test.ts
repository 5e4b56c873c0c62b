import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { examplesOf, failsOnPage, isSaid, play, sectionOf, type World, withoutChance } from './page.ts';
import { nothing, onlineKeyLost, onlineKeysStolen, publishedApart } from './prepare.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const RUNBOOKS = join(ROOT, 'repo-template', 'runbooks');

/** What a page starts from, where that is not a published repository whose holders are apart. */
const PREPARED: Readonly<Record<string, () => Promise<World>>> = {
  'compromise.md': onlineKeysStolen,
  'lost-online-key.md': onlineKeyLost,
};

/** Pages for a person in trouble: what they say is typed, and what they show is what is printed. */
describe('runbooks', function () {
  this.timeout(600_000);

  const pages = readdirSync(RUNBOOKS).filter((name) => name.endsWith('.md'));

  it('are there for each trouble', () => {
    const troubles = ['ceremony.md', 'compromise.md', 'lost-online-key.md', 'lost-token.md', 'rotation.md'];
    expect(pages).to.include.members(troubles);
  });

  const kept = `root 2 is live, sha256 ${'ab'.repeat(32)}`;
  const rows: [title: string, printed: string[], page: string[], same: boolean][] = [
    ['another digest', [kept], [`root 2 is live, sha256 ${'cd'.repeat(32)}`], true],
    ['another version', [kept], [kept.replace('root 2', 'root 3')], false],
    ['a line more', [kept, 'next: tufa refresh'], [kept], false],
    ['a line less', [kept], [kept, 'next: tufa refresh'], false],
    ['lines that are left out', ['a', 'b', 'c'], ['a', '...', 'c'], true],
    ['nothing left out', ['a', 'c'], ['...', 'a', '...', 'c', '...'], true],
    ['the last line behind those', ['a', 'b', 'd'], ['a', '...', 'c'], false],
  ];
  for (const [title, printed, page, same] of rows)
    it(`${same ? 'allow' : 'do not allow'} ${title}`, () => expect(isSaid(printed, page)).to.equal(same));

  for (const page of pages)
    it(`${page} says what is printed`, async () => {
      const world = await (PREPARED[page] ?? publishedApart)();
      await follow(page, await readFile(join(RUNBOOKS, page), 'utf8'), world);
    });

  const section = sectionOf(readFileSync(join(ROOT, 'README.md'), 'utf8'), '## A ceremony');
  if (section !== undefined)
    it('the ceremony of the README', async () => follow('README.md', section, await nothing('office')));
});

async function follow(page: string, text: string, world: World): Promise<void> {
  const examples = examplesOf(text);
  expect(examples.length, `${page}: commands`).to.be.above(0);
  for (const example of examples) {
    const at = `${page}:${example.line}: ${example.command}`;
    const { exitCode, actual } = await play(example, world);
    const shown = `${at}\n${actual.join('\n')}`;
    if (failsOnPage(example)) expect(exitCode, shown).not.to.equal(0);
    else expect(exitCode, shown).to.equal(0);
    // Where a page shows nothing, it says no more than that the command ends well.
    if (example.expected.length === 0 || isSaid(actual, example.expected)) continue;
    expect(actual.map(withoutChance).join('\n'), at).to.equal(example.expected.map(withoutChance).join('\n'));
  }
}
