/** Which values a new tufa.yaml has; apart from the schema, so that a command can name them without loading it. */
export const PROFILES = ['hobby', 'company'] as const;
export type Profile = (typeof PROFILES)[number];
