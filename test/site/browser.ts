// Pages of the playground in headless Chromium: each in a context of its own, and each writes down what a sound page never
// has: errors of a script, violations of its policy, dialogs.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

export interface Opened {
  readonly page: Page;
  /** What went wrong on it so far. */
  readonly faults: string[];
}

export interface Options {
  readonly key?: string;
  /** Of the address, without '#'. */
  readonly fragment?: string;
  readonly width?: number;
  readonly dark?: boolean;
  /** Done to the page before it is opened. */
  readonly before?: (page: Page) => Promise<unknown>;
}

export interface Playground {
  open(options?: Options): Promise<Opened>;
  close(): Promise<void>;
}

export const playground = async (executablePath: string, url: string): Promise<Playground> => {
  // Chromium's sandbox does not run as root, as containers do; the page is our own
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  return {
    open: async ({ key, fragment = '', width = 1280, dark = false, before } = {}) => {
      const viewport = { width, height: Math.round(width < 600 ? width * 2 : width * 0.6) };
      const context = await browser.newContext({ viewport, colorScheme: dark ? 'dark' : 'light' });
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      const faults: string[] = [];
      page.on('pageerror', ({ message }) => faults.push(message));
      page.on('console', (message) => {
        if (/Content Security Policy|Trusted/i.test(message.text())) faults.push(message.text());
      });
      page.on('dialog', (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await before?.(page);
      const parts = [...(key === undefined ? [] : [`key=${key}`]), ...(fragment === '' ? [] : [fragment])];
      await page.goto(`${url}/${parts.length === 0 ? '' : `#${parts.join('&')}`}`);
      return { page, faults };
    },
    close: () => browser.close(),
  };
};

/** As `expect.poll`, on a machine that does other things too. */
export const soon = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

/** The picks of a strategy as the page lists them, once the page is still. */
export const picksOf = async (page: Page, strategy: 'sift' | 'nn' | 'mmr' = 'sift'): Promise<string[]> => {
  await page.locator('.selection[aria-busy=false] .list.sift li').first().waitFor();
  return page.locator(`.list.${strategy} li .gist`).allInnerTexts();
};

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Violations that axe calls serious or critical, each with its elements. */
export const seriousOf = async (page: Page): Promise<string[]> => {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    type Result = { violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] };
    const { axe } = globalThis as unknown as { axe: { run(): Promise<Result> } };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`,
      );
  });
};
