// What the study reads: the packages that npm installed and, if a file of them is named, documents held out of training.
import { lineSources } from './folders.ts';
import { packageSources } from './packages.ts';
import { type Source, withinDomains } from './sources.ts';

export const gatheredSources = async (nodeModules: string, data: string | undefined): Promise<Source[]> => {
  const packages = await packageSources(nodeModules);
  const lines = data === undefined ? [] : await lineSources(data);
  return withinDomains([...packages, ...lines]);
};
