import { z } from "zod";

/** `app.yml`, as far as it is the same for every installation. */
const shape = z.strictObject({
  name: z.string().min(1).max(34),
  description: z.string(),
  public: z.literal(false),
  default_permissions: z.record(z.string(), z.enum(["read", "write"])),
  default_events: z.array(z.string()),
});

export type AppFile = z.infer<typeof shape>;

/** What GitHub's registration page takes (docs.github.com: "Registering a GitHub App from a manifest"). */
export type Manifest = AppFile & { url: string; hook_attributes: { url: string; active: true }; redirect_url: string };

export function parseAppFile(yaml: unknown): AppFile {
  return shape.parse(yaml);
}

/** Pure. `suffix`: App names are unique over all of GitHub, so the plain one is taken; the person may change it there. */
export function buildManifest(of: {
  file: AppFile;
  suffix: string;
  publicUrl: string;
  webhookPath: string;
  redirectUrl: string;
}): Manifest {
  return {
    ...of.file,
    name: `${of.file.name}-${of.suffix}`,
    url: of.publicUrl,
    hook_attributes: { url: `${of.publicUrl}${of.webhookPath}`, active: true },
    redirect_url: of.redirectUrl,
  };
}

/** Where the manifest is sent: registered for the person, or for an organisation that they own. Undefined: no organisation's name. */
export function registrationUrl(of: { webUrl: string; organisation?: string | undefined; state: string }): string | undefined {
  const { webUrl, organisation, state } = of;
  if (organisation === undefined || organisation === "") return `${webUrl}/settings/apps/new?state=${state}`;
  if (!/^[a-z\d](?:[a-z\d-]{0,38})$/i.test(organisation)) return undefined;
  return `${webUrl}/organizations/${organisation}/settings/apps/new?state=${state}`;
}
