import { API_VERSION, type Page, type PageFile, relativeUrl } from './page.ts';

/** The HTML of a page (PEP 503, frozen by PEP 833): derived from the page, so that the two can never say different things. */

/** The bytes of `simple/<project>/vnd.pypi.simple.v1.html`. */
export function writePageHtml(page: Page): Uint8Array {
  const lines = [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta name="pypi:repository-version" content="${API_VERSION}">`,
    `<title>Links for ${escapeText(page.name)}</title>`,
    '</head>',
    '<body>',
    `<h1>Links for ${escapeText(page.name)}</h1>`,
    ...page.files.map(anchor),
    '</body>',
    '</html>',
    '',
  ];
  return Buffer.from(lines.join('\n'));
}

function anchor(file: PageFile): string {
  const attributes = [
    attribute('href', `${relativeUrl(file)}#sha256=${file.sha256}`),
    file.requiresPython === undefined ? '' : attribute('data-requires-python', file.requiresPython),
    // PEP 592: the attribute without a value is a yank without a reason
    file.yanked === undefined ? '' : attribute('data-yanked', file.yanked === true ? '' : file.yanked),
  ];
  return `<a${attributes.join('')}>${escapeText(file.filename)}</a><br>`;
}

function attribute(name: string, value: string): string {
  return ` ${name}="${escapeText(value)}"`;
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
