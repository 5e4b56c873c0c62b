export interface TreeNode {
  readonly text: string;
  readonly children?: readonly TreeNode[];
}

/**
 * A tree as text:
 *
 *     root v1
 *     └─ targets v1
 *        ├─ trust v1
 *        └─ bin0 v3
 */
export function treeText({ text, children = [] }: TreeNode): string {
  return [text, ...branches(children, '')].map((line) => `${line}\n`).join('');
}

function branches(nodes: readonly TreeNode[], indent: string): string[] {
  return nodes.flatMap(({ text, children = [] }, i) => {
    const last = i === nodes.length - 1;
    return [`${indent}${last ? '└─' : '├─'} ${text}`, ...branches(children, `${indent}${last ? '   ' : '│  '}`)];
  });
}
