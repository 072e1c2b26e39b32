import type { Disk } from './smartctl-json.ts'

/**
 * The disk with what was read of it before, where it sleeps now; one that does not answer keeps its name only, since old values would look
 * healthy. `known` is what the probe remembers, by id and by place behind a controller.
 */
export function recall(known: Map<string, Disk>, disk: Disk): Disk {
  if (disk.standing === 'read') {
    known.set(disk.id, disk)
    if (disk.device?.includes(' ')) known.set(disk.device, disk)
    return disk
  }
  const last = known.get(disk.id) ?? (disk.device?.includes(' ') ? known.get(disk.device) : undefined)
  if (!last) return disk
  const { standing, reason, hint, device } = disk
  if (standing === 'asleep') return { ...last, device, standing, reason, hint }
  const { id, model, serial, firmware, media, sizeBytes } = last
  return { ...disk, id, model, serial, firmware, interface: last.interface, media, sizeBytes }
}
