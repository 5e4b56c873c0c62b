import { TufaCommand } from '../../cli/command.ts';
import type { QueueStatus } from '../../jobs/queue.ts';
import { queueText } from '../../views/queue.ts';

export default class QueueStatusCommand extends TufaCommand<typeof QueueStatusCommand, QueueStatus> {
  static override summary = 'show what waits in the queue, and what became of what was folded last';

  protected override async execute(): Promise<QueueStatus> {
    const { queueStatus } = await import('../../jobs/queue.ts');
    const workspace = await this.workspace();
    return this.reporting('entries', (reporter) => queueStatus(workspace, reporter));
  }

  protected override render(status: QueueStatus): string {
    return queueText(status);
  }
}
