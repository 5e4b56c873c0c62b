import { InputError } from '../errors.ts';
import { isNormalized, isProjectName, normalize, parseDistributionName } from './names.ts';

/** Target paths of an index (PEP 691, "TUF Support"): which project each belongs to. `../tuf/layout.ts` has the store's keys. */

const PAGES = { json: 'vnd.pypi.simple.v1.json', html: 'vnd.pypi.simple.v1.html' } as const;
/** PEP 740: beside the file that it is about. */
const PROVENANCE = '.provenance';
/** A policy, the one that waits for its turn, or the last one of an earlier owner of the name. */
const POLICY = /^([^.]+)(?:\.pending|\.g[1-9]\d*)?\.json$/;

/** @throws InputError when `filename` is no distribution file of the project */
export function packagePath(project: string, filename: string): string {
  const name = normalize(project);
  return `packages/${name}/${parseDistributionName(filename, name).filename}`;
}

export function pagePaths(project: string): { readonly json: string; readonly html: string } {
  const folder = `simple/${normalize(project)}`;
  return { json: `${folder}/${PAGES.json}`, html: `${folder}/${PAGES.html}` };
}

/** The project that a path belongs to; undefined for paths outside of projects (`trust/`, `deny/`, `upstream/`). */
export function projectOf(path: string): string | undefined {
  const segments = path.split('/');
  const [tier, second = '', file] = segments;
  const name = tier === 'policies' ? (file === undefined ? POLICY.exec(second)?.[1] : undefined) : second;
  const ofProject = tier === 'policies' || ((tier === 'packages' || tier === 'simple') && segments.length === 3);
  return ofProject && name !== undefined && isNormalized(name) ? name : undefined;
}

/** The project whose page lists this path: that of a distribution file. A `.provenance` is a target and on no page. */
export function projectListing(path: string): string | undefined {
  return path.startsWith('packages/') && !path.endsWith(PROVENANCE) ? projectOf(path) : undefined;
}

/**
 * Why a path contradicts itself: a file in another project's folder, a page or policy of another name. undefined: it
 * does not. Rights are given by project, so both ends of a path must name the same one.
 */
export function contradiction(path: string): string | undefined {
  const [tier, , file = ''] = path.split('/');
  if (tier !== 'packages' && tier !== 'simple' && tier !== 'policies') return undefined;
  const project = projectOf(path);
  if (project === undefined) return spelledOtherwise(path) ?? `${path} does not have the form of a path of ${tier}/`;
  if (tier === 'simple')
    return file === PAGES.json || file === PAGES.html ? undefined : `${file} is no page of a project`;
  return tier === 'packages'
    ? incoherentFile(file.endsWith(PROVENANCE) ? file.slice(0, -PROVENANCE.length) : file, project)
    : undefined;
}

/** Two folders of one project would be two projects to everybody who does not normalise. */
function spelledOtherwise(path: string): string | undefined {
  const [, name = '', file] = path.split('/');
  return file !== undefined && isProjectName(name) && !isNormalized(name)
    ? `${name} is another spelling of ${normalize(name)}`
    : undefined;
}

function incoherentFile(filename: string, project: string): string | undefined {
  try {
    parseDistributionName(filename, project);
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}
