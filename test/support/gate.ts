/** Holds one job until another has come as far as it should. */
export class Gate {
  private release: () => void = () => {};
  private readonly opened: Promise<void>;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  open(): void {
    this.release();
  }

  wait(): Promise<void> {
    return this.opened;
  }
}
