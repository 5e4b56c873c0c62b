type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a module may see of the environment: where it finds its configuration and its token. Not what would change the
 * process that it runs in (NODE_OPTIONS, LD_PRELOAD), nor what makes a module print what it sends to the card (OPENSC_DEBUG,
 * YKCS11_DBG). Other variables go into `pkcs11.modules.NAME.env` of tufa.yaml.
 */
const PASSED: ReadonlySet<string> = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'TZ',
  'LANG',
  'LC_ALL',
  'XDG_RUNTIME_DIR',
  'XDG_CONFIG_HOME',
  'DBUS_SESSION_BUS_ADDRESS',
  'SystemRoot',
  'SOFTHSM2_CONF',
  'OPENSC_CONF',
  'PCSCLITE_CSOCK_NAME',
  'TPM2_PKCS11_STORE',
  'TPM2_PKCS11_TCTI',
  'P11_KIT_SERVER_ADDRESS',
  'YUBIHSM_PKCS11_CONF',
  'ChrystokiConfigurationPath',
  'CS_PKCS11_R3_CFG',
  'NFAST_HOME',
  'KMS_PKCS11_CONFIG',
]);

/** @param given of tufa.yaml, for one module */
export function moduleEnvironment(env: Environment, given: Readonly<Record<string, string>>): Record<string, string> {
  const passed = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    PASSED.has(name) && value !== undefined ? [[name, value]] : [],
  );
  // The TPM's libraries print their inner life into every error otherwise.
  return { TSS2_LOG: 'all+NONE', ...Object.fromEntries(passed), ...given };
}
