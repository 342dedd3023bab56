/** ◆ What an App may hold that no run of Airlock's ever needs: whoever has its key has these powers too. */
const dangerous: Readonly<Record<string, "read" | "write">> = {
  administration: "write",
  workflows: "write",
  actions: "write",
  secrets: "read",
  environments: "write",
  members: "write",
  organization_hooks: "write",
  repository_hooks: "write",
  single_file: "write",
};

const levels = ["none", "read", "write", "admin"];

/** The dangerous permissions among `held`, as "administration: write". Everything organisation-wide that may be written counts. */
export function findDangerousPermissions(held: Readonly<Record<string, string>>): string[] {
  return Object.entries(held)
    .filter(([name, level]) => {
      const least = dangerous[name] ?? (name.startsWith("organization_") ? "write" : undefined);
      return least !== undefined && levels.indexOf(level) >= levels.indexOf(least);
    })
    .map(([name, level]) => `${name}: ${level}`);
}
