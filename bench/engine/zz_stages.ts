import { readFileSync } from 'node:fs';
const W='/work/wt/memory/gateway/backends/embedded/';
const mem=(what:string)=>{const s=readFileSync('/proc/self/status','utf8');const g=(k:string)=>Math.round(Number(new RegExp(k+':\\s+(\\d+)').exec(s)?.[1])*1.024/1000);console.log(what.padEnd(14),'peak',g('VmHWM'),'rss',g('VmRSS'),'file',g('RssFile'),'ab',Math.round(process.memoryUsage().arrayBuffers/1e6),'heap',Math.round(process.memoryUsage().heapTotal/1e6))};
mem('start');
const {readCheckpoint}=await import(W+'model/checkpoint.ts');
const {createModel}=await import(W+'model/model.ts');
const {createSession}=await import(W+'session.ts');
mem('imported');
const c=await readCheckpoint('/tmp/smol/hf');
mem('read');
const model=createModel(c,1);
const [method,T]=[process.argv[2]!,Number(process.argv[3])];
const s=createSession(model,{model:'m',method,rank:32,seed:1,reuseGradients:false,optimiser:{learningRate:1e-5,beta1:.9,beta2:.999,epsilon:1e-8,weightDecay:0}});
mem('opened');
await model.training(method==='full'?0:32);
mem('compiled');
const ids=model.tokenizer.encode('A stream is read piece by piece and closed when its reader leaves; an error in the middle ends it. Then\n'.repeat(T)).slice(0,T);
const text=model.tokenizer.decode(ids);
for(let i=0;i<Number(process.argv[4]??2);i++){const r=await s.step(text);mem('step '+r.tokens+' '+Math.round(r.ms));}
