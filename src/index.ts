/**
 * The library's door: jobs and types. A job takes a workspace, or where it needs none, plain options; it returns a value and
 * prints nothing. Errors are those of `errors.ts`.
 */
export type { Config } from './config/schema.ts';
export {
  createWorkspace,
  type Holder,
  type NewWorkspace,
  Workspace,
  type WorkspaceOptions,
} from './config/workspace.ts';
export * from './errors.ts';
export type { Reporter } from './jobs/context.ts';
export { type DoctorOptions, doctorSigners, type SignersDiagnosis } from './jobs/doctor/signers.ts';
export { doctorStore, type StoreDiagnosis } from './jobs/doctor/store.ts';
export { get } from './jobs/get.ts';
export { type InitResult, init, initStaging } from './jobs/init.ts';
export { addTrust, type InstallerOptions, openInstaller } from './jobs/installer.ts';
export { generateKeys, importHolder, type KeyInfo, listKeys } from './jobs/keys.ts';
export { publish } from './jobs/publish.ts';
export { type QueueStatus, queueStatus } from './jobs/queue.ts';
export { type RecoverOptions, recoverCompromise } from './jobs/recover/recover.ts';
export type { Recovery } from './jobs/recover/report.ts';
export { refresh } from './jobs/refresh.ts';
export { type Rehearsal, rehearse } from './jobs/rehearse/rehearse.ts';
export { type Replaced, replaceKeys } from './jobs/replace-keys.ts';
export { prepareSitting, type SignResult, type Sitting, sign } from './jobs/sign.ts';
export { type RoleStatus, type Status, status } from './jobs/status.ts';
export { addTargets, listTargets, removeTargets } from './jobs/targets.ts';
export { type Verification, verify } from './jobs/verify.ts';
export { type Built, type BulkBuild, buildBins } from './transaction/bulk/build.ts';
export type { TransactionResult } from './transaction/transact.ts';
